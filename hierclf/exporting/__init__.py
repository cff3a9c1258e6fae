"""Parts of a bundle for other software, proved equal before they are handed out."""
