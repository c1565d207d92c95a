"""Where messages go: Slack, the only room that speaks its SDK. What they say stands elsewhere."""
