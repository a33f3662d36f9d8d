//! The client's methods, one for each rpc: they fill in the request and send it through its tonic stub.
use std::{collections::HashMap, fmt::Write};

use heck::ToSnakeCase;
use prost_types::{DescriptorProto, FileDescriptorProto, MethodDescriptorProto, field_descriptor_proto::Label};

/// A file's field numbers on the way to the comment of a service's method.
const SERVICE: i32 = 6;
const METHOD: i32 = 2;

pub fn generate(files: &[FileDescriptorProto]) -> String {
    let ours = || files.iter().filter(|file| file.package() == "firstlight.v1");
    let messages: HashMap<_, _> = ours().flat_map(|f| &f.message_type).map(|m| (m.name(), m)).collect();
    let mut calls = String::new();
    for file in ours() {
        for (s, service) in file.service.iter().enumerate() {
            for (m, method) in service.method.iter().enumerate() {
                let doc = comment(file, &[SERVICE, s as i32, METHOD, m as i32]);
                calls += &call(service.name(), method, &doc, &messages);
            }
        }
    }
    format!("impl Client {{ {calls} }}")
}

fn call(
    service: &str,
    method: &MethodDescriptorProto,
    doc: &str,
    messages: &HashMap<&str, &DescriptorProto>,
) -> String {
    let (input, output) = (local(method.input_type()), local(method.output_type()));
    let (rpc, name) = (method.name(), method.name().to_snake_case());
    let (request, response) = (messages[input], messages[output]);
    let has = |field: &str| request.field.iter().any(|f| f.name() == field);
    let mut fill = String::new();
    if has("catalog_id") {
        fill += "if request.catalog_id.is_empty() { request.catalog_id.clone_from(&self.options.catalog_id); }";
    }
    if has("request_id") {
        // The same for all attempts of a call: that makes them harmless.
        fill += "if request.request_id.is_empty() { request.request_id = Uuid::new_v4().to_string(); }";
    }
    let mutable = if fill.is_empty() { "" } else { "mut " };
    let (kind, path, returned) = if method.server_streaming() {
        ("streamed", String::new(), format!("BoxStream<'static, Result<{output}, Error>>"))
    } else {
        ("unary", format!("\"firstlight.v1.{service}/{rpc}\","), output.to_owned())
    };
    let module = service.to_snake_case();
    let mut code = format!(
        "{doc} pub async fn {name}(&self, {mutable}request: {input}) -> Result<{returned}, Error> {{
            {fill}
            self.{kind}({path} request, |channel, request| Box::pin(async {{
                {module}_client::{service}Client::new(channel)
                    .max_decoding_message_size(MAX_MESSAGE_BYTES).{name}(request).await
            }})).await
        }}"
    );
    if let Some(elements) = name.strip_prefix("list_") {
        let field = response.field.iter().find(|f| f.label() == Label::Repeated).expect("a list has elements");
        let (field, element) = (field.name(), local(field.type_name()));
        write!(
            code,
            "{doc} #[doc = \"\"]
            #[doc = \" A stream over all pages; `page_size` are fetched at a time, 0 for the server's choice.\"]
            pub fn {elements}(&self, page_size: i32) -> BoxStream<'static, Result<{element}, Error>> {{
                paged(self.clone(), {input} {{ page_size, ..Default::default() }}, |client, mut request| async move {{
                    let page = client.{name}(request.clone()).await?;
                    request.page_token = page.next_page_token;
                    Ok((page.{field}, (!request.page_token.is_empty()).then_some(request)))
                }})
            }}"
        )
        .expect("a string takes everything");
    }
    code
}

fn local(name: &str) -> &str {
    name.strip_prefix(".firstlight.v1.").expect("methods take and return messages of this package")
}

fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let found = locations.filter(|location| location.path == path).flat_map(|l| l.leading_comments().lines());
    found.map(|line| format!("#[doc = {line:?}]\n")).collect()
}
