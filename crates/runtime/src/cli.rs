//! The command line all services share.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// What the user asked for.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Settings come from the environment only; `.env.example` describes each. Secrets may also be given as \
                  NAME_FILE=/path/to/file.\n\nExit codes: 0 done or stopped cleanly, 1 failed, 2 wrong settings or usage, \
                  3 stopped hard before all work was finished."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run until SIGTERM or Ctrl-C; a second one, or STOP_DEADLINE_SECONDS (30), stops at once.
    Serve,
    /// Create the service's roles and schema, or bring them up to date. Reads DATABASE_URL (the administrator).
    Migrate,
    /// Check the settings, print each one with where it came from (secrets hidden), and start nothing.
    CheckConfig,
    /// Print the exchanges, queues and bindings of the broker.
    Topology,
    /// Look at messages that handlers gave up on, or give them another chance.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Seal every stored secret with the newest of ENCRYPTION_KEYS, so that older keys can be taken away.
    RotateKeys,
    /// Ask the running service whether it is ready; for container health checks.
    Healthcheck,
}

/// `dead-letters list` and `dead-letters replay`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DeadLettersCommand {
    /// Show dead messages: when, why, how often tried. They stay where they are.
    List {
        /// The queue they died in, e.g. `sync-worker.connector`; without it, all queues of this service.
        #[arg(long)]
        queue: Option<String>,
        /// At most so many of each queue.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Put dead messages back into their queue, with their attempts counted from zero.
    Replay {
        /// The queue they died in, e.g. `sync-worker.connector`; without it, all queues of this service.
        #[arg(long)]
        queue: Option<String>,
        /// At most so many of each queue.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

impl Cli {
    /// Reads the arguments under the service's own name and description.
    pub fn read(
        name: &'static str,
        about: &'static str,
        args: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::command().name(name).bin_name(format!("postrider-{name}")).about(about);
        let matches = command.try_get_matches_from_mut(args)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::read("probe", "Probes.", args.iter().map(Into::into))
    }

    #[test]
    fn help_names_every_command_and_the_exit_codes() {
        let help = read(&["probe", "--help"]).unwrap_err().to_string();
        let commands = ["serve", "migrate", "check-config", "topology", "dead-letters", "rotate-keys", "healthcheck"];
        for word in commands.iter().chain(&["Probes.", "postrider-probe", "Exit codes", "NAME_FILE"]) {
            assert!(help.contains(word), "{word} is missing in:\n{help}");
        }
    }

    #[test]
    fn dead_letters_take_a_queue_and_a_limit() {
        let cli = read(&["probe", "dead-letters", "replay", "--queue", "a.b", "--limit", "7"]).unwrap();
        let Command::DeadLetters(command) = cli.command else { panic!("another command") };
        assert_eq!(command, DeadLettersCommand::Replay { queue: Some("a.b".into()), limit: 7 });
    }

    #[test]
    fn nonsense_is_refused_with_code_2() {
        assert_eq!(read(&["probe", "fly"]).unwrap_err().exit_code(), 2);
        assert_eq!(read(&["probe"]).unwrap_err().exit_code(), 2);
    }
}
