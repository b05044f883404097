//! A server that believes credentials alone, and the files that say which.

use std::path::PathBuf;
use std::time::SystemTime;

use baton::access::asked_key::AskedKey;
use baton::access::keys;
use baton::config::ServerConfig;
use baton::server::{self, Running};
use tempfile::TempDir;

/// A folder with an access file and a key file.
pub struct AccessFiles {
    folder: TempDir,
}

/// A key to be made: role, id and org, and what it is narrowed to.
pub fn key_for(role: &str, actor: &str, org: &str) -> AskedKey {
    AskedKey {
        name: format!("{role}-{actor}"),
        orgs: vec![org.to_owned()],
        role: role.to_owned(),
        actor: Some(actor.to_owned()),
        ..AskedKey::default()
    }
}

impl AccessFiles {
    /// An access file that names a key file, and says this beside.
    pub fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Self { folder };
        files.say(more);
        std::fs::write(files.keys(), "").expect("it can be written");
        files
    }

    /// Writes the access file anew.
    pub fn say(&self, more: &str) {
        let text = format!("api_keys = \"keys.toml\"\n{more}");
        let beside = self.folder.path().join("access.new");
        std::fs::write(&beside, text).expect("it can be written");
        std::fs::rename(beside, self.access()).expect("it can be moved");
    }

    /// The folder that they are in.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The access file.
    pub fn access(&self) -> PathBuf {
        self.folder.path().join("access.toml")
    }

    /// The same as text.
    pub fn path(&self) -> String {
        self.access().display().to_string()
    }

    /// The key file.
    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("keys.toml")
    }

    /// Makes a key.
    pub fn key(&self, asked: &AskedKey) -> String {
        let new = asked.check().expect("it is asked for rightly");
        keys::create(&self.keys(), &new, SystemTime::now()).expect("it is made").text
    }

    /// Makes a key of this role and id, good in this org.
    pub fn key_of(&self, role: &str, actor: &str, org: &str) -> String {
        self.key(&key_for(role, actor, org))
    }

    /// Revokes the keys of this name.
    pub fn revoke(&self, name: &str) {
        keys::revoke(&self.keys(), name, SystemTime::now()).expect("it is there");
    }

    /// A server in memory.
    pub async fn serve(&self) -> Running {
        let config = ServerConfig {
            listen: "127.0.0.1:0".to_owned(),
            access: Some(self.access()),
            ..ServerConfig::default()
        };
        server::start(&config).await.expect("it starts")
    }
}
