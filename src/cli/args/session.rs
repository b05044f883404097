//! The command line of `session`: what a channel, an owner or a partner does with one.

use clap::{ArgGroup, Args, Subcommand};

use crate::cli::names::Named as _;
use crate::cli::target;
use crate::pb;

/// `baton session`.
#[derive(Debug, Subcommand)]
pub enum Session {
    /// Open a session, as a channel would
    Open(Open),
    /// End it
    End {
        /// Id of the session
        id: String,
        /// Why, as far as the channel knows: CUSTOMER_LEFT, IDLE, CONSENT_WITHDRAWN or SYSTEM; for --role adapter or partner
        #[arg(long, value_parser = pb::SessionEndReason::parse)]
        reason: Option<pb::SessionEndReason>,
    },
    /// Pause it
    Pause {
        /// Id of the session
        id: String,
    },
    /// Resume it
    Resume {
        /// Id of the session
        id: String,
    },
    /// Mark it inactive: the customer is silent
    Inactivate {
        /// Id of the session
        id: String,
    },
    /// Bring it back from the external contact that has it
    Return(Return),
}

/// `baton session open`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("target")))]
pub struct Open {
    /// Id of the channel
    #[arg(long)]
    pub channel: String,
    /// The channel's own name for the conversation, such as a telephone number or a URL
    #[arg(long)]
    pub reference: String,
    /// The rep it goes to; without rep, queue, flow and skill it goes where the channel's sessions go: its default target,
    /// or its partner is asked
    #[arg(long, group = "target")]
    pub rep: Option<String>,
    /// The queue it goes to
    #[arg(long, group = "target")]
    pub queue: Option<String>,
    /// The flow that decides
    #[arg(long, group = "target")]
    pub flow: Option<String>,
    /// A skill that the rep must have, at least at this level; without a queue or flow it waits in the channel's
    /// fallback queue
    #[arg(long = "skill", value_parser = target::skill, value_name = "SKILL=LEVEL")]
    pub skills: Vec<pb::SkillLevel>,
    /// A skill wished for, and for how long [default: 30s]
    #[arg(long = "wish", value_parser = target::wish, value_name = "SKILL=LEVEL[:TIME]")]
    pub wishes: Vec<pb::AdditionalSkill>,
    /// An attribute
    #[arg(long = "attr", visible_alias = "attribute", value_parser = target::attribute, value_name = "KEY=VALUE")]
    pub attributes: Vec<(String, String)>,
    /// Lower goes first
    #[arg(long)]
    pub priority: Option<u32>,
    /// If it is there and inactive, this is the customer's reply: it is opened again
    #[arg(long)]
    pub reopen: bool,
}

/// `baton session return`.
#[derive(Debug, Args)]
pub struct Return {
    /// Id of the session
    pub session: String,
    /// Where it goes: rep:ID, queue:ID or flow:ID [default: where the channel's sessions go without a target]
    #[arg(long, value_parser = target::inner_recipient, value_name = "RECIPIENT")]
    pub to: Option<pb::Recipient>,
    /// What the next rep should know
    #[arg(long, default_value = "", hide_default_value = true)]
    pub note: String,
    /// Why: DONE, WRONG_CONTACT, CLOSED, CUSTOMER_ASKED or ERROR
    #[arg(long, value_parser = pb::SessionReturnReason::parse)]
    pub reason: Option<pb::SessionReturnReason>,
}
