//! What an installation lacks, line by line, each with its remedy. Looks and changes nothing.

mod broker;
mod clocks;
mod database;
mod finding;
mod google;
mod installation;
mod machine;
mod messages;
mod metrics;
mod pushes;
mod services;
mod settings;
mod work;

use postrider_domain::Seams;

pub use finding::{Finding, Verdict};
pub use google::look as settings_at_google;
pub use installation::Installation;
pub use pushes::{lost, taken};
pub use services::{intake_figures, pushes};
pub use work::watches;

/// Looks at everything. What cannot be looked at because something before it is broken is left out: the first line that
/// fails is what to mend.
pub async fn examine(installation: &Installation, seams: &Seams) -> Vec<Finding> {
    let mut findings = settings::look(installation).await;
    let (database, broker, google, services) = tokio::join!(
        database::look(installation, seams.clock.as_ref()),
        broker::look(installation),
        google::look(installation),
        services::look(installation, seams.clock.as_ref()),
    );
    findings.extend(database.findings);
    findings.extend(clocks::of_services(&services.clocks, database.ahead));
    findings.extend(broker);
    if database.usable {
        findings.extend(work::look(installation).await);
        if messages::are_there(installation) {
            findings.extend(messages::look(installation).await);
        }
    }
    findings.extend(google);
    findings.extend(services.findings);
    findings.extend(machine::look(installation));
    findings
}
