//! The gist of an invitation as its column holds it and the API tells it.

use chrono::{NaiveDate, NaiveDateTime};
use postrider_domain::Timestamp;
use postrider_mail::EventTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Person;

/// What the first event of a calendar part says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The place of the calendar part.
    pub part_id: String,
    pub method: Option<String>,
    pub summary: Option<String>,
    pub location: Option<String>,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
    pub organizer: Option<Person>,
}

/// A day, an instant, or a time of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = InvitationTime)]
pub enum Moment {
    Day {
        #[schema(value_type = String, format = Date)]
        date: NaiveDate,
    },
    /// In UTC.
    At {
        #[schema(value_type = String, format = DateTime)]
        date_time: Timestamp,
    },
    /// As the clocks of `time_zone` show it; null where the invitation names no zone.
    Local {
        #[schema(value_type = String)]
        local_time: NaiveDateTime,
        time_zone: Option<String>,
    },
}

impl From<postrider_mail::Invitation> for Invitation {
    fn from(read: postrider_mail::Invitation) -> Self {
        Self {
            part_id: read.part_id,
            method: read.method,
            summary: read.summary,
            location: read.location,
            start: read.start.map(Moment::from),
            end: read.end.map(Moment::from),
            organizer: read.organizer.map(super::person),
        }
    }
}

impl From<EventTime> for Moment {
    fn from(time: EventTime) -> Self {
        match time {
            EventTime::Day(date) => Self::Day { date },
            EventTime::At(date_time) => Self::At { date_time },
            EventTime::Local { time, zone } => Self::Local { local_time: time, time_zone: zone },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_time_reads_back_as_itself() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        let time = day.and_hms_opt(10, 0, 0).unwrap();
        for (moment, json) in [
            (EventTime::Day(day), r#"{"date":"2026-11-20"}"#),
            (EventTime::At(time.and_utc()), r#"{"date_time":"2026-11-20T10:00:00Z"}"#),
            (
                EventTime::Local { time, zone: Some("Europe/Berlin".to_owned()) },
                r#"{"local_time":"2026-11-20T10:00:00","time_zone":"Europe/Berlin"}"#,
            ),
            (EventTime::Local { time, zone: None }, r#"{"local_time":"2026-11-20T10:00:00","time_zone":null}"#),
        ] {
            let moment = Moment::from(moment);
            assert_eq!(serde_json::to_string(&moment).unwrap(), json);
            assert_eq!(serde_json::from_str::<Moment>(json).unwrap(), moment);
        }
    }
}
