//! `GET /api/v1/emails/{id}`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_domain::{EmailId, TenantId};
use postrider_mail::{Remote, View, sanitise, shown_html};
use postrider_web::{AccountHeader, ApiQuery, Caller, PathId, Problem, Scope};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::view::{Mail, MailDetail};
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::attachments::Attachment;
use crate::store::{attachments, emails, labels, references};

/// HTML above this is worked on away from the async threads.
const INLINE_MAX: usize = 64 << 10;

/// Whether pictures from elsewhere are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RemotePictures)]
pub enum RemoteQuery {
    Allow,
}

/// How the mail is shown.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DetailQuery {
    /// `allow` leaves pictures from elsewhere in the html: who opens it is then seen by its sender.
    #[param(inline)]
    pub remote: Option<RemoteQuery>,
}

/// A mail with its headers, its text, its sanitised HTML and its attachments.
#[utoipa::path(get, path = "/api/v1/emails/{id}", tag = "mail",
    params(DetailQuery, ("id" = String, Path, description = "our id")),
    responses((status = 200, body = MailDetail), (status = 404, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument), (status = 503, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<EmailId>,
    query: ApiQuery<DetailQuery>,
) -> Result<Json<MailDetail>, Problem> {
    let id = id.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.0, None)?);
    let row = emails::find(&tx, &covered, id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    let (connectors, carried) = ([row.connector_id], row.label_ids.iter().collect::<Vec<_>>());
    let (names, mut body, attachments, references) = tokio::try_join!(
        labels::names_of(&tx, &connectors, &carried),
        emails::find_body(&tx, id),
        attachments::list(&tx, id),
        references::list(&tx, id)
    )
    .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let size = row.size_bytes;
    if let Some(html) = body.html.take() {
        body.html = match query.into_inner().remote {
            None => Some(local(html, id, &attachments).await?),
            Some(RemoteQuery::Allow) => match with_remote(&api, &caller.tenant, (id, size), &attachments).await? {
                Some(html) => Some(html),
                // Without its source a mail is shown as it was stored.
                None => Some(local(html, id, &attachments).await?),
            },
        };
    }
    Ok(Json(MailDetail::new(Mail::new(row, &names), body, attachments, references)))
}

/// Where the pictures that come with the mail are, by content id.
struct Pictures(Vec<(String, String)>);

impl Pictures {
    fn of(email: EmailId, attachments: &[Attachment]) -> Self {
        let place = |row: &Attachment| {
            let address = format!("/api/v1/emails/{email}/attachments/{}", row.attachment_id);
            (!row.content_id.is_empty()).then(|| (row.content_id.clone(), address))
        };
        Self(attachments.iter().filter_map(place).collect())
    }

    fn place(&self, content_id: &str) -> Option<String> {
        self.0.iter().find(|(id, _)| id == content_id).map(|(_, address)| address.clone())
    }
}

/// The html as it was made harmless when it was stored, its `cid:` pointed at our attachments.
async fn local(html: String, email: EmailId, attachments: &[Attachment]) -> Result<String, Problem> {
    if !html.contains("cid:") {
        return Ok(html);
    }
    let pictures = Pictures::of(email, attachments);
    let point = move |html: String| {
        let place = |id: &str| pictures.place(id);
        sanitise(&html, &View { remote: Remote::Blocked, cid: Some(&place) }).unwrap_or_default()
    };
    if html.len() <= INLINE_MAX {
        return Ok(point(html));
    }
    tokio::task::spawn_blocking(move || point(html)).await.map_err(Problem::unexpected)
}

/// The html with pictures from elsewhere, made from the source: what was stored has lost their addresses.
async fn with_remote(
    api: &Api,
    tenant: &TenantId,
    (email, size_bytes): (EmailId, i64),
    attachments: &[Attachment],
) -> Result<Option<String>, Problem> {
    let pictures = Pictures::of(email, attachments);
    let make = move |raw: Vec<u8>| {
        let place = |id: &str| pictures.place(id);
        shown_html(&raw, &View { remote: Remote::Images, cid: Some(&place) })
    };
    let made = api.sources.read_around(tenant, email, size_bytes, make).await?;
    Ok(made.map(|(html, _room)| html))
}
