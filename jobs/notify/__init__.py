"""How people are told of approvals: an agent of the house's own, whose tools are mails and webhooks."""
