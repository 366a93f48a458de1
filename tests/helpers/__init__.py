"""What tests share: makers of models, pictures and videos, servers, oracles."""
