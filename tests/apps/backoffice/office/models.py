from django.db import models


class Transfer(models.Model):
    """A transfer, exactly as it arrived."""

    clerk = models.CharField(max_length=150)
    payee = models.CharField(max_length=200)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    note = models.TextField(blank=True)
    receipt_name = models.CharField(max_length=200, blank=True)
    receipt_size = models.PositiveIntegerField(default=0)
    receipt_sha256 = models.CharField(max_length=64, blank=True)
    # The query of the address that it was posted to.
    query = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.amount} to {self.payee}"
