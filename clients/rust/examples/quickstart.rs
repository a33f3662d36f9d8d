use firstlight_client::{Client, Error, Options, v1::*};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7070".into());
    let client = Client::connect([address], Options::default())?;
    let profile = [("age".into(), 25.into())].into(); // somebody nobody has seen before
    let query = Query { profile, limit: 5, ..Default::default() };
    for item in client.recommend(query.into()).await?.recommendation.unwrap_or_default().items {
        println!("{} {:.3} {}", item.item_id, item.score, item.reason_text);
    }
    Ok(())
}
