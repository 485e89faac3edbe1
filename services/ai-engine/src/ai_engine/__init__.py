"""ai-engine: OpenAI-compatible chat completions over pools of providers, with conversations and limits per tenant."""
