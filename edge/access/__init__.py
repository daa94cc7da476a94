"""Access: every route names the roles that may use it; a device or a person shows a token."""
