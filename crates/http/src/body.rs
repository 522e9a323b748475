//! Answers' bodies, read in bounded pieces.

/// A body that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the answer is larger than {most} bytes")]
    TooLarge { most: usize },
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
}

/// The whole body of an answer, if it has at most so many bytes.
///
/// # Errors
/// It has more, or the connection broke.
pub async fn body(mut answer: reqwest::Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLarge { most });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
