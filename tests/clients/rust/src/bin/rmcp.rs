//! rmcp, the MCP SDK for Rust: from the URL of an MCP server to a token for it: rmcp MCP_SERVER.

use rmcp::transport::auth::{AuthorizationRequest, OAuthState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).expect("MCP_SERVER");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let callback = format!("http://{}/callback", listener.local_addr()?);
    let mut state = OAuthState::new(&server, None).await?;
    let request = AuthorizationRequest::new(&callback)
        .with_scopes(["profile"])
        .with_client_name("Rust MCP client");
    state.start_authorization(request).await?;
    let url = state.get_authorization_url().await?;
    Command::new("xdg-open").arg(&url).status().await?;

    let (mut stream, _) = listener.accept().await?;
    let mut head = vec![0; 8192];
    let length = stream.read(&mut head).await?;
    let target = String::from_utf8_lossy(&head[..length])
        .split(' ')
        .nth(1)
        .expect("a target")
        .to_owned();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .await?;
    let origin = callback.trim_end_matches("/callback");
    state.handle_callback_url(&format!("{origin}{target}")).await?;

    let (client_id, _) = state.get_credentials().await?;
    let manager = state.into_authorization_manager().expect("a manager");
    let token = manager.get_access_token().await?;
    println!("{}", serde_json::json!({"registered": client_id, "token": token}));
    Ok(())
}
