use super::*;

#[test]
fn every_template_parses() {
    assert!(ENVIRONMENT.is_ok(), "{:?}", ENVIRONMENT.as_ref().err());
}

#[tokio::test]
async fn a_template_that_fails_answers_500_and_shows_nothing_of_it() {
    let answer = page(StatusCode::OK, "message.html", None, json!({}));
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
    assert_eq!(body.as_ref(), b"This page could not be shown.\n");
}
