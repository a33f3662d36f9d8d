//! JSON to messages, and back.

use firstlight_client::{newest, v1::*};
use serde_json::{Map, Value, json};

use crate::Failure;

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

pub fn number(value: &Value) -> i32 {
    value.as_i64().unwrap_or_default() as i32
}

pub fn attributes(value: &Value) -> Result<std::collections::BTreeMap<String, AttributeValue>, Failure> {
    let fields = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| Ok((name.clone(), attribute(value)?))).collect()
}

fn attribute(value: &Value) -> Result<AttributeValue, Failure> {
    Ok(match value {
        Value::String(text) => text.clone().into(),
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().ok_or("a number out of range")?.into(),
        },
        Value::Array(_) => texts(value).into(),
        other => return Err(format!("{other} is no attribute value").into()),
    })
}

pub fn plain(attributes: std::collections::BTreeMap<String, AttributeValue>) -> Value {
    use attribute_value::Value::*;
    let plain = attributes.into_iter().map(|(name, attribute)| {
        let value = match attribute.value {
            None => Value::Null,
            Some(StringValue(text)) => text.into(),
            Some(DoubleValue(number)) => number.into(),
            Some(Int64Value(number)) => number.into(),
            Some(BoolValue(truth)) => truth.into(),
            Some(StringListValue(list)) => list.values.into(),
            Some(FloatVectorValue(vector)) => vector.values.into(),
            Some(TimestampValue(time)) => time.to_string().into(),
        };
        (name, value)
    });
    plain.collect::<Map<_, _>>().into()
}

pub fn query(args: &Value) -> Result<Query, Failure> {
    let history = args["history"].as_array().into_iter().flatten();
    let entry = |pair: &Value| HistoryEntry { item_id: text(&pair[0]), value: pair[1].as_f64(), ..Default::default() };
    Ok(Query {
        user_id: text(&args["user_id"]),
        profile: attributes(&args["profile"])?,
        history: newest(history.map(entry).collect()),
        context_item_ids: texts(&args["context"]),
        exclude_item_ids: texts(&args["exclude"]),
        limit: number(&args["limit"]),
        include_seen: args["include_seen"].as_bool().unwrap_or_default(),
        route: Route::from_str_name(&format!("ROUTE_{}", text(&args["route"]))).unwrap_or_default().into(),
    })
}

pub fn interactions(value: &Value) -> Result<Vec<Interaction>, Failure> {
    let each = |fields: &Value| {
        Ok(Interaction {
            interaction_id: text(&fields["interaction_id"]),
            user_id: text(&fields["user_id"]),
            item_id: text(&fields["item_id"]),
            value: fields["value"].as_f64(),
            r#type: text(&fields["type"]),
            time: fields["time"].as_str().map(str::parse).transpose()?,
            ..Default::default()
        })
    };
    value.as_array().into_iter().flatten().map(each).collect()
}

/// An answer. A reason that is not given is empty.
pub fn list(answer: Option<Recommendation>) -> Value {
    let answer = answer.unwrap_or_default();
    let scenario = answer.scenario().as_str_name().trim_start_matches("SCENARIO_").to_owned();
    let route = answer.route().as_str_name().trim_start_matches("ROUTE_").to_owned();
    let reason = |item: &RecommendedItem| match item.reason.as_ref().map(Reason::code) {
        None | Some(reason::Code::Unspecified) => "",
        Some(code) => code.as_str_name().trim_start_matches("CODE_"),
    };
    let items: Value = answer.items.iter().map(|item| json!([item.item_id, item.source, reason(item)])).collect();
    let cut = |cut: &Degradation| json!([cut.reason().as_str_name().trim_start_matches("REASON_"), cut.component]);
    json!({
        "items": items,
        "scenario": scenario,
        "strategy": answer.strategy,
        "route": route,
        "bundle_id": answer.bundle_id,
        "attribution_token": answer.attribution_token,
        "degraded": answer.degraded.iter().map(cut).collect::<Value>(),
    })
}

pub fn job(job: Option<TrainingJob>) -> Value {
    let job = job.unwrap_or_default();
    json!({"job_id": job.job_id, "state": state(&job)})
}

pub fn state(job: &TrainingJob) -> &'static str {
    job.state().as_str_name().trim_start_matches("STATE_")
}
