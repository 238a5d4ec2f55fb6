//! The scenarios, undisturbed.

use crate::story::{Story, check_always};

#[tokio::test]
async fn look() {
    for story in Story::ALL {
        let mut account = story.begin().await;
        let calls = account.last_call();
        story.play(&mut account).await;
        println!("=== {story:?}\n{}\n{:#?}\n{:?}", account.explain(), story.summary(&account, calls), check_always(&account));
    }
}
