//! What must hold once things are quiet.

use std::collections::BTreeMap;

use super::case::Case;
use crate::actor::Kind;
use crate::harness::{announced, label_names, ledger, mirror, runs, story};

impl Case {
    /// Compares everything with the truth.
    pub(super) async fn check(&self) -> Result<(), String> {
        let (tenant, connector) = (&self.ids.tenant, self.ids.connector);
        let truth = self.world.truth(&self.ids.address).unwrap();
        let mirrored = mirror(&self.db, tenant, connector).await;
        for (id, truth) in &truth {
            let Some(mail) = mirrored.get(id) else {
                let story = story(&self.db, &self.ids, id).await;
                return Err(format!("{id} is missing in the mirror: {truth:?}\n{story}"));
            };
            let same = mail.labels == truth.labels && mail.label_rows == truth.labels;
            if !same || mail.thread_id != truth.thread_id || !mail.has_source {
                let story = story(&self.db, &self.ids, id).await;
                return Err(format!("{id} differs: {mail:?} instead of {truth:?}\n{story}"));
            }
        }
        if let Some(extra) = mirrored.keys().find(|id| !truth.contains_key(*id)) {
            let story = story(&self.db, &self.ids, extra).await;
            return Err(format!("{extra} should be deleted\n{story}"));
        }
        let [seen, applied, tombstoned, parked, waiting] = ledger(&self.db, tenant, connector).await;
        if seen != applied + tombstoned + parked || parked != waiting || parked != 0 {
            return Err(format!("ledger {seen} = {applied} + {tombstoned} + {parked} ({waiting} waiting)"));
        }
        self.history.check(&self.db, &self.ids, seen).await?;
        let (names, true_names) = (label_names(&self.db, &self.ids).await, self.true_label_names());
        if names != true_names {
            return Err(format!("labels are called {names:?} instead of {true_names:?}"));
        }
        let (generation, boundary, states) = runs(&self.db, tenant, connector).await;
        if let Some(open) = states.iter().find(|state| !matches!(state.as_str(), "completed" | "superseded")) {
            return Err(format!("a run is still {open}"));
        }
        self.check_announcements(generation, boundary).await
    }

    fn true_label_names(&self) -> BTreeMap<String, String> {
        let labels = self.world.labels_list(&self.ids.address).unwrap();
        labels.into_iter().map(|label| (label.id, label.name)).collect()
    }

    async fn check_announcements(&self, generation: i32, boundary: u64) -> Result<(), String> {
        let counts = announced(&self.db, self.ids.connector).await;
        let truth = self.world.truth(&self.ids.address).unwrap();
        let now_generation = self.world.generation(&self.ids.address).unwrap();
        // While ids are back, a mail that Gmail hid at the boundary cannot be told from one that came after it.
        let blurred = self.world.quirks(&self.ids.address).unwrap().ids_back > 0.0;
        if let Some((id, count)) = counts.iter().find(|(_, (received, sent))| *received > 1 || *sent > 1) {
            return Err(format!("{id} was announced {count:?}"));
        }
        for mail in self.actor.came().iter().filter(|mail| mail.generation == now_generation) {
            let id = mail.id.to_string();
            let (received, sent) = counts.get(&id).copied().unwrap_or_default();
            let live = mail.record > boundary;
            let there = truth.contains_key(&id);
            let wrong = match mail.kind {
                Kind::Mail => {
                    sent > 0
                        || (live && there && received != 1)
                        || (generation == 1 && !live && !blurred && received > 0)
                }
                Kind::Sent => live && there && sent != 1,
                Kind::Import => received + sent > 0,
            };
            if wrong {
                let story = story(&self.db, &self.ids, &id).await;
                return Err(format!(
                    "{mail:?} (live {live}, there {there}) was announced ({received}, {sent}); boundary {boundary}, generation {generation}\n{story}"
                ));
            }
        }
        Ok(())
    }
}
