"""The warm helper process: a client without torch, a server with it, and the answers it gives."""
