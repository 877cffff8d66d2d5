import hashlib

from django import forms
from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, redirect, render

from .models import Transfer


class TransferForm(forms.ModelForm):
    # As it was typed, spaces at its ends included.
    note = forms.CharField(widget=forms.Textarea, required=False, strip=False)
    receipt = forms.FileField(required=False)

    class Meta:
        model = Transfer
        fields = ["payee", "amount", "note"]


def home(request):
    return render(request, "home.html")


@login_required
def transfer(request):
    form = TransferForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        order = form.save(commit=False)
        order.clerk = request.user.get_username()
        order.query = request.META["QUERY_STRING"]
        receipt = form.cleaned_data["receipt"]
        if receipt:
            content = receipt.read()
            order.receipt_name = receipt.name
            order.receipt_size = len(content)
            order.receipt_sha256 = hashlib.sha256(content).hexdigest()
        order.save()
        return redirect("sent", order.pk)
    return render(request, "transfer.html", {"form": form})


@login_required
def sent(request, number):
    order = get_object_or_404(Transfer, pk=number)
    return render(request, "sent.html", {"order": order, "total": Transfer.objects.count()})
