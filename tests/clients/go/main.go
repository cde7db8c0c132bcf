// The MCP SDK for Go: from the URL of an MCP server to its tool, by way of registration and a
// browser: main MCP_SERVER.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

func main() {
	ctx := context.Background()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	callback := fmt.Sprintf("http://%s/callback", listener.Addr())
	came := make(chan *auth.AuthorizationResult, 1)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		came <- &auth.AuthorizationResult{
			Code: query.Get("code"), State: query.Get("state"), Iss: query.Get("iss"),
		}
	}))
	handler := must(auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{
			Metadata: &oauthex.ClientRegistrationMetadata{
				ClientName:              "Go MCP client",
				RedirectURIs:            []string{callback},
				GrantTypes:              []string{"authorization_code", "refresh_token"},
				ResponseTypes:           []string{"code"},
				TokenEndpointAuthMethod: "none",
			},
		},
		AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			if err := exec.Command("xdg-open", args.URL).Run(); err != nil {
				return nil, err
			}
			return <-came, nil
		},
	}))
	client := mcp.NewClient(&mcp.Implementation{Name: "tests", Version: "1"}, nil)
	session := must(client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: os.Args[1], OAuthHandler: handler,
	}, nil))
	result := must(session.CallTool(ctx, &mcp.CallToolParams{Name: "who_am_i"}))
	said := result.Content[0].(*mcp.TextContent).Text
	json.NewEncoder(os.Stdout).Encode(map[string]string{"said": said})
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
