//! `GET /api/v1/connectors/{id}/export`: the mailbox as one file. It is written while it is read: what is in memory is one
//! piece of a mail, and no transaction is open longer than it takes to read one.

use std::collections::VecDeque;
use std::io;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Bytes, Data};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, TryStreamExt as _};
use postrider_domain::{ConnectorId, EmailId, TenantId, Timestamp};
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};

use crate::http::api::{Api, problem};
use crate::rules::disposition;
use crate::rules::mbox::{self, Quoting};
use crate::store::emails::{self, Exported};

/// Mails looked up at once.
const PAGE: usize = 200;

/// Mails that are not deleted, oldest first, spam, trash and drafts among them, byte by byte as Gmail gave them; lines that
/// begin with `From ` are quoted with `>` ("mboxrd"). A connection that ends early is a file that is not whole.
#[utoipa::path(get, path = "/api/v1/connectors/{id}/export", tag = "mail",
    params(("id" = String, Path, description = "the account")),
    responses((status = 200, description = "an mbox file", content_type = "application/mbox"),
              (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<ConnectorId>,
) -> Result<HttpResponse, Problem> {
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let chosen = accounts.chosen(account.or(Some(id.into_inner()))?, None)?.clone();
    tx.commit().await.map_err(problem)?;
    let name = if chosen.address.is_empty() { "mailbox" } else { &chosen.address };
    let export = Export {
        api: api.as_ref().clone(),
        tenant: caller.tenant,
        connector: chosen.id,
        page: VecDeque::new(),
        after: None,
        over: false,
        written: None,
    };
    Ok(HttpResponse::Ok()
        .content_type("application/mbox")
        .insert_header((CONTENT_DISPOSITION, disposition::attachment(&format!("{name}.mbox"))))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(export.pieces())))
}

/// An export under way.
struct Export {
    api: Api,
    tenant: TenantId,
    connector: ConnectorId,
    page: VecDeque<Exported>,
    after: Option<(Timestamp, EmailId)>,
    over: bool,
    /// The mail that is being written: what is left of it.
    written: Option<(BoxStream<'static, io::Result<Bytes>>, Quoting)>,
}

impl Export {
    fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::try_unfold(self, async |mut export| {
            let piece = export.piece().await?;
            Ok(piece.map(|piece| (piece, export)))
        })
    }

    async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        while let Some((mail, quoting)) = &mut self.written {
            let Some(piece) = mail.try_next().await? else {
                let end = quoting.end();
                self.written = None;
                return Ok(Some(end.into()));
            };
            let quoted = quoting.push(&piece);
            if !quoted.is_empty() {
                return Ok(Some(quoted.into()));
            }
        }
        while let Some(mail) = self.next().await? {
            let found = self.api.sources.whole(&self.tenant, mail.email_id, mail.size_bytes).await;
            // Without a source there is nothing to write: Gmail gave none.
            if let Some(found) = found.map_err(|problem| io::Error::other(problem.to_string()))? {
                let size = found.size();
                self.written = Some((found.pieces(0..size), Quoting::new()));
                return Ok(Some(mbox::separator(&mail.sender_email, mail.received_at).into()));
            }
        }
        Ok(None)
    }

    async fn next(&mut self) -> io::Result<Option<Exported>> {
        if self.page.is_empty() && !self.over {
            let rows = async {
                let tx = self.api.db().tenant(&self.tenant).await?;
                let rows = emails::list_exported(&tx, self.connector, self.after, PAGE).await?;
                tx.commit().await?;
                Ok::<_, postrider_storage::Error>(rows)
            };
            self.page = rows.await.map_err(io::Error::other)?.into();
            self.over = self.page.len() < PAGE;
            self.after = self.page.back().map(|row| (row.received_at, row.email_id));
        }
        Ok(self.page.pop_front())
    }
}
