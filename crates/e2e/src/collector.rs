//! A collector of spans, as small as it can be.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use postrider_testing::MockServer;
use prost::Message as _;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, ResponseTemplate};

/// Takes spans over HTTP and keeps them.
pub struct Collector(MockServer);

/// A span as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub id: Vec<u8>,
    pub parent: Vec<u8>,
}

impl Collector {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let spans =
            Mock::given(method("POST")).and(path("/v1/traces")).and(header("content-type", "application/x-protobuf"));
        spans.respond_with(ResponseTemplate::new(200)).mount(&server).await;
        Self(server)
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` must say.
    pub fn endpoint(&self) -> String {
        self.0.uri()
    }

    /// The spans of a trace so far, by its id as logs show it.
    pub async fn trace(&self, trace: &str) -> Vec<Span> {
        let trace = u128::from_str_radix(trace, 16).map(u128::to_be_bytes).unwrap_or_default();
        let requests = self.0.received_requests().await.unwrap_or_default();
        let exported = requests.iter().filter_map(|request| ExportTraceServiceRequest::decode(&*request.body).ok());
        let spans = exported.flat_map(|exported| exported.resource_spans).flat_map(|resource| {
            let service = service(&resource);
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.map(move |span| (service.clone(), span)).collect::<Vec<_>>()
        });
        let own = spans.filter(|(_, span)| span.trace_id == trace);
        own.map(|(service, span)| Span { service, name: span.name, id: span.span_id, parent: span.parent_span_id })
            .collect()
    }
}

/// The services that have a span among these.
pub fn services(spans: &[Span]) -> BTreeSet<&str> {
    spans.iter().map(|span| span.service.as_str()).collect()
}

/// Each span's parent, where it is among these too, by name.
pub fn parents(spans: &[Span]) -> BTreeMap<&str, &str> {
    let parent = |span: &Span| spans.iter().find(|other| other.id == span.parent);
    spans.iter().filter_map(|span| Some((span.name.as_str(), parent(span)?.name.as_str()))).collect()
}

fn service(resource: &ResourceSpans) -> String {
    let attributes = resource.resource.as_ref().map(|resource| resource.attributes.as_slice()).unwrap_or_default();
    let named = attributes.iter().find(|attribute| attribute.key == "service.name");
    match named.and_then(|named| named.value.as_ref()).and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(name)) => name.clone(),
        _ => String::new(),
    }
}
