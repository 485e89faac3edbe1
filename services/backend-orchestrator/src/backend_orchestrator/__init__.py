"""backend-orchestrator: messages in (WhatsApp, API), queued once, answered through ai-engine, shown on a dashboard."""
