"""The corpus of domain-adaptive pre-training: repositories found, cleaned, put in order and written as rows that the trainer reads. No torch in here."""
