//! What a collector gets, and what a broken one costs.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span as Exported;
use postrider_domain::Secret;
use postrider_otlp::{Exporter, Headers, SpanLayer, is_exported, pipeline};
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tracing::{Span, info_span};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};
use url::Url;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "00000000000000000000000000000001";

async fn collector(status: u16) -> MockServer {
    let server = MockServer::start().await;
    let takes = Mock::given(method("POST")).and(path("/v1/traces"));
    takes.respond_with(ResponseTemplate::new(status)).mount(&server).await;
    server
}

fn exporting(url: &str) -> (SpanLayer, Exporter) {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let headers = Headers::parse(&Secret::new("authorization=Bearer%20hunter2")).unwrap();
    pipeline(&Url::parse(url).unwrap(), headers, "probe", "1.0.0").unwrap()
}

/// Runs work under the layer alone, then sends all that ended in it.
async fn export(url: &str, work: impl FnOnce()) -> prometheus::IntCounterVec {
    let (layer, exporter) = exporting(url);
    let subscriber = Registry::default().with(layer.with_filter(filter_fn(is_exported)));
    tracing::subscriber::with_default(subscriber, work);
    let (counter, stop) = (exporter.counter().clone(), CancellationToken::new());
    stop.cancel();
    exporter.run(stop).await;
    counter
}

async fn received(server: &MockServer) -> Vec<ExportTraceServiceRequest> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap()).collect()
}

fn spans(requests: &[ExportTraceServiceRequest]) -> Vec<Exported> {
    let scopes = requests.iter().flat_map(|request| &request.resource_spans).flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| scope.spans.clone()).collect()
}

fn request(id: u64, parent: u64) -> Span {
    info_span!(
        "request",
        trace_id = TRACE,
        otel.id = id,
        otel.parent = parent,
        otel.status = tracing::field::Empty,
        method = "GET",
        route = "/x/{id}"
    )
}

#[tokio::test]
async fn a_span_has_the_ids_it_told_others_and_what_is_inside_has_it_as_parent() {
    let server = collector(200).await;
    export(&server.uri(), || {
        let outer = request(7, 5);
        outer.record("otel.status", 503);
        let _entered = outer.entered();
        let _plain = info_span!("task", task = "a").entered();
        let _inner = info_span!("job", trace_id = TRACE, otel.id = 0, otel.parent = 9, job = "live_pass").entered();
        let _apart = info_span!("job", trace_id = OTHER, otel.id = 0, otel.parent = 9, job = "socket").entered();
    })
    .await;
    let requests = received(&server).await;
    let spans = spans(&requests);
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:?}"));
    assert_eq!(spans.len(), 3, "a span without a trace is not the collector's");
    let outer = named("GET /x/{id}");
    assert_eq!(
        (outer.span_id.clone(), outer.parent_span_id.clone()),
        (7_u64.to_be_bytes().to_vec(), 5_u64.to_be_bytes().to_vec())
    );
    assert_eq!(outer.trace_id, u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes());
    assert_eq!(outer.status.as_ref().unwrap().code, 2, "500 and above is an error");
    assert!(outer.end_time_unix_nano >= outer.start_time_unix_nano);
    assert_eq!(named("job live_pass").parent_span_id, outer.span_id);
    assert_eq!(
        named("job socket").parent_span_id,
        9_u64.to_be_bytes(),
        "an enclosing span of another trace is no parent"
    );
    let about = &requests[0].resource_spans[0].resource.as_ref().unwrap().attributes;
    assert!(
        about.iter().any(|one| one.key == "service.name" && format!("{:?}", one.value).contains("probe")),
        "{about:?}"
    );
}

#[tokio::test]
async fn what_a_caller_does_not_sample_is_not_exported() {
    let server = collector(200).await;
    export(&server.uri(), || {
        info_span!("job", trace_id = TRACE, otel.id = 0, otel.parent = 1, otel.sampled = false, job = "a")
            .in_scope(|| {});
        info_span!("job", trace_id = TRACE, otel.id = 0, otel.parent = 1, otel.sampled = true, job = "b")
            .in_scope(|| {});
    })
    .await;
    let names: Vec<_> = spans(&received(&server).await).into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["job b"]);
}

#[tokio::test]
async fn batches_are_bounded_and_a_full_queue_drops_and_counts() {
    let server = collector(200).await;
    let counter = export(&server.uri(), || (0..5_000).for_each(|_| drop(request(0, 1)))).await;
    let sizes: Vec<_> = received(&server).await.iter().map(|one| spans(std::slice::from_ref(one)).len()).collect();
    assert!(sizes.iter().all(|size| *size <= 512), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), 4_096);
    assert_eq!(counter.with_label_values(&["exported"]).get(), 4_096);
    assert_eq!(counter.with_label_values(&["dropped"]).get(), 5_000 - 4_096);
}

#[tokio::test]
async fn a_collector_that_refuses_or_is_away_costs_the_spans_and_nothing_else() {
    // 503 is what asks to be repeated: the next spans say more about now.
    for status in [500, 503] {
        let server = collector(status).await;
        let refused = export(&server.uri(), || drop(request(0, 1))).await;
        assert_eq!(refused.with_label_values(&["failed"]).get(), 1);
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "{status}");
    }
    let away = export("http://127.0.0.1:9", || drop(request(0, 1))).await;
    assert_eq!(away.with_label_values(&["failed"]).get(), 1);
}

#[tokio::test]
async fn each_request_has_the_collectors_key_which_nothing_shows() {
    let server = collector(200).await;
    export(&server.uri(), || drop(request(0, 1))).await;
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["authorization"], "Bearer hunter2");
    let (layer, exporter) = exporting(&server.uri());
    let shown = format!("{layer:?} {exporter:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn spans_are_sent_while_the_process_runs() {
    let server = collector(200).await;
    let (layer, exporter) = exporting(&server.uri());
    let (counter, stop) = (exporter.counter().clone(), CancellationToken::new());
    let dispatch = tracing::Dispatch::new(Registry::default().with(layer.with_filter(filter_fn(is_exported))));
    tracing::dispatcher::with_default(&dispatch, || drop(request(0, 1)));
    let sent = async {
        while counter.with_label_values(&["exported"]).get() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = exporter.run(stop.clone()) => panic!("it ended by itself"),
        sent = tokio::time::timeout(Duration::from_secs(20), sent) => sent.unwrap(),
    }
}
