//! `postrider doctor`.

use std::path::Path;

use anyhow::{Result, bail};

use crate::console::{done, say};
use crate::local::{Checkout, Settings};
use crate::stack::{Member, Ports, leftovers};

/// Says what a stack would find here: servers, programs, ports.
///
/// # Errors
/// Something would stop the start.
pub fn doctor() -> Result<()> {
    let checkout = Checkout::find();
    let settings = Settings::of(&checkout)?;
    let mut wrong = 0;
    let mut check = |well: bool, line: String| {
        if well {
            done(line);
        } else {
            wrong += 1;
            say(format_args!("  ✗ {line}"));
        }
    };
    check(checkout.services_script().is_file(), format!("checkout {}", checkout.root().display()));
    for (name, program) in
        [("DATABASE_URL", "/usr/lib/postgresql"), ("AMQP_URL", "/usr/lib/rabbitmq/bin/rabbitmq-server")]
    {
        let (set, there) = (settings.get(name).is_some(), Path::new(program).exists());
        let how = match (set, there) {
            (true, _) => "is set".to_owned(),
            (false, true) => format!("is not set: a private server will be started from {program}"),
            (false, false) => "is not set: the server will be installed with apt-get first".to_owned(),
        };
        check(true, format!("{name} {how}"));
    }
    let ports = Ports { base: settings.port_base()? };
    let ours = leftovers::noted(&checkout.run_dir());
    for member in Member::SERVICES.into_iter().chain([Member::GmailSim]) {
        if ours.iter().any(|noted| noted.member == member) {
            check(true, format!("{member} runs"));
            continue;
        }
        for port in ports.all_of(member, 0) {
            let free = std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
            check(free, format!("port {port} ({member}) is {}", if free { "free" } else { "taken" }));
        }
    }
    if wrong > 0 { bail!("{wrong} things would stop the start") } else { Ok(()) }
}
