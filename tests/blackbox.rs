//! Whole servers, seen through gRPC alone: transfers from click to completion, repeated requests,
//! streams that resume, and two servers on one Redis.

#[path = "blackbox/audited.rs"]
mod audited;
#[path = "blackbox/site.rs"]
mod site;
#[path = "blackbox/stream.rs"]
mod stream;
#[path = "blackbox/vendor.rs"]
mod vendor;
#[path = "blackbox/world.rs"]
mod world;

#[path = "blackbox/audit.rs"]
mod audit;
#[path = "blackbox/audit_export.rs"]
mod audit_export;
#[path = "blackbox/audit_streams.rs"]
mod audit_streams;
#[path = "blackbox/balancer.rs"]
mod balancer;
#[path = "blackbox/by_turns.rs"]
mod by_turns;
#[path = "blackbox/capacity.rs"]
mod capacity;
#[path = "blackbox/contacts.rs"]
mod contacts;
#[path = "blackbox/content.rs"]
mod content;
#[path = "blackbox/directory.rs"]
mod directory;
#[path = "blackbox/documents.rs"]
mod documents;
#[path = "blackbox/flows.rs"]
mod flows;
#[path = "blackbox/guide.rs"]
mod guide;
#[path = "blackbox/handover.rs"]
mod handover;
#[path = "blackbox/home.rs"]
mod home;
#[path = "blackbox/lines.rs"]
mod lines;
#[path = "blackbox/log_secrets.rs"]
mod log_secrets;
#[path = "blackbox/mirrors.rs"]
mod mirrors;
#[path = "blackbox/narrowed_mirrors.rs"]
mod narrowed_mirrors;
#[path = "blackbox/narrowing.rs"]
mod narrowing;
#[path = "blackbox/org_limits.rs"]
mod org_limits;
#[path = "blackbox/orgs.rs"]
mod orgs;
#[path = "blackbox/outages.rs"]
mod outages;
#[path = "blackbox/ownership.rs"]
mod ownership;
#[path = "blackbox/partner_chaos.rs"]
mod partner_chaos;
#[path = "blackbox/partner_races.rs"]
mod partner_races;
#[path = "blackbox/partner_scope.rs"]
mod partner_scope;
#[path = "blackbox/partner_watching.rs"]
mod partner_watching;
#[path = "blackbox/presences.rs"]
mod presences;
#[path = "blackbox/promises.rs"]
mod promises;
#[path = "blackbox/retries.rs"]
mod retries;
#[path = "blackbox/routing.rs"]
mod routing;
#[path = "blackbox/serving.rs"]
mod serving;
#[path = "blackbox/tempers.rs"]
mod tempers;
#[path = "blackbox/transfers.rs"]
mod transfers;
#[path = "blackbox/two_servers.rs"]
mod two_servers;
#[path = "blackbox/vanishing.rs"]
mod vanishing;
#[path = "blackbox/watching.rs"]
mod watching;

mod support;
