//! Reads the cases, makes their calls, and says what came of each.

use std::{collections::HashMap, fs, time::Duration};

use firstlight_client::{Client, Error, Kind, Options, Tls};
use serde_json::{Map, Value, json};

use crate::{Arguments, Failure, calls};

type Variables = HashMap<String, String>;

pub async fn run(arguments: &Arguments) -> Result<Value, Failure> {
    let mut files: Vec<_> =
        fs::read_dir(arguments.get("cases")?)?.map(|entry| Ok(entry?.path())).collect::<Result<_, Failure>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut outcomes = Map::new();
    for file in files {
        let cases: Vec<Value> = serde_json::from_slice(&fs::read(file)?)?;
        for case in cases {
            let name = case["name"].as_str().ok_or("a case has no name")?.to_owned();
            let outcome = run_case(&case, arguments).await.unwrap_or_else(|failure| vec![crash(&failure)]);
            outcomes.insert(name, outcome.into());
        }
    }
    Ok(json!({"language": "rust", "cases": outcomes}))
}

async fn run_case(case: &Value, arguments: &Arguments) -> Result<Vec<Value>, Failure> {
    let mut variables = Variables::from([("run".to_owned(), arguments.get("run")?.to_owned())]);
    let client = connect(case, arguments, &variables)?;
    let mut outcomes = Vec::new();
    for step in case["steps"].as_array().into_iter().flatten() {
        let outcome = match step["repeat"].as_u64() {
            None => run_step(&client, step, &mut variables).await,
            Some(count) => {
                let mut repeated = Vec::new();
                for _ in 0..count {
                    repeated.push(run_step(&client, step, &mut variables).await);
                }
                repeated.into()
            }
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn connect(case: &Value, arguments: &Arguments, variables: &Variables) -> Result<Result<Client, Error>, Failure> {
    let given = fill(&case["options"], variables);
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    let mut options = Options { catalog_id: text("catalog_id").unwrap_or_default(), ..Options::default() };
    options.bearer_token = text("bearer_token");
    options.wait_for_ready = given["wait_for_ready"].as_bool().unwrap_or(true);
    if let Some(timeout_s) = given["timeout_s"].as_f64() {
        options.timeout = Duration::from_secs_f64(timeout_s);
    }
    let target = case["target"].as_str().unwrap_or("server");
    let addresses: Vec<_> = match target {
        "faults" => arguments.get("faults")?.split(',').take(1).collect(),
        "both_faults" => arguments.get("faults")?.split(',').collect(),
        "server" | "tls" => vec![arguments.get(target)?],
        other => return Err(format!("unknown target {other}").into()),
    };
    if target == "tls" {
        options.tls = Some(Tls::Ca(fs::read(arguments.get("ca")?)?));
    }
    Ok(Client::connect(addresses, options))
}

async fn run_step(client: &Result<Client, Error>, step: &Value, variables: &mut Variables) -> Value {
    let client = match client {
        Ok(client) => client.clone(),
        Err(error) => return outcome_of(error),
    };
    let name = step["call"].as_str().unwrap_or_default().to_owned();
    let arguments = fill(&step["args"], variables);
    // A task of its own, so that a panic is an outcome too
    let result = match tokio::spawn(async move { calls::call(&client, &name, &arguments).await }).await {
        Ok(Ok(result)) => result,
        Ok(Err(failure)) => {
            return failure.downcast_ref::<Error>().map_or_else(|| crash(&failure), outcome_of);
        }
        Err(panic) => return crash(&panic),
    };
    if result.get("unsupported").is_some() {
        return result;
    }
    for (name, field) in step["save"].as_object().into_iter().flatten() {
        let value = &result[field.as_str().unwrap_or_default()];
        variables.insert(name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    json!({"result": result})
}

fn crash(failure: &impl ToString) -> Value {
    json!({"crash": failure.to_string()})
}

fn outcome_of(error: &Error) -> Value {
    let class = match &error.kind {
        Kind::InvalidInput { .. } => "InvalidInput",
        Kind::NotFound => "NotFound",
        Kind::Conflict => "Conflict",
        Kind::Precondition => "Precondition",
        Kind::CorruptBundle => "CorruptBundle",
        Kind::Unavailable => "Unavailable",
        Kind::Deadline => "Deadline",
        _ => "Error",
    };
    let mut outcome =
        json!({"class": class, "code": error.code_name(), "reason": error.reason, "metadata": error.metadata});
    if let Kind::InvalidInput { violations, total } = &error.kind {
        outcome["violations"] = violations.iter().map(|v| json!([v.field, v.description])).collect();
        outcome["total"] = (*total).into();
    }
    json!({"error": outcome})
}

/// `value` with `${name}` replaced in its strings, and each `$repeat` by the list it stands for.
fn fill(value: &Value, variables: &Variables) -> Value {
    match value {
        Value::String(text) => {
            let replace =
                |text: String, (name, value): (&String, &String)| text.replace(&format!("${{{name}}}"), value);
            variables.iter().fold(text.clone(), replace).into()
        }
        Value::Array(values) => values.iter().map(|value| fill(value, variables)).collect(),
        Value::Object(fields) => match fields.get("$repeat") {
            Some(repeat) => (0..repeat["count"].as_u64().unwrap_or(0))
                .map(|i| {
                    let mut variables = variables.clone();
                    variables.insert("i".to_owned(), i.to_string());
                    fill(&repeat["value"], &variables)
                })
                .collect(),
            None => fields.iter().map(|(name, value)| (name.clone(), fill(value, variables))).collect(),
        },
        other => other.clone(),
    }
}
