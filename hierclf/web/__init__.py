"""The web application: sign in, upload, see what the cascade says."""
