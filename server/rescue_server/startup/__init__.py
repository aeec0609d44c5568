"""What happens before the server accepts calls: files, certificates, organization, companion."""
