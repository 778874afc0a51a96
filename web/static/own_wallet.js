// With a wallet in the browser (EIP-1193) one touch takes its address or signs; without one, everything is done by hand.
const wallet = window.ethereum;
const take = document.querySelector("[data-take-address]");
const sign = document.querySelector("[data-sign]");

if (wallet && take) {
  take.hidden = false;
  take.addEventListener("click", async () => {
    try {
      const [address] = await wallet.request({ method: "eth_requestAccounts" });
      document.getElementById("address").value = address;
    } catch {
      // the member said no: nothing changes
    }
  });
}

if (wallet && sign) {
  sign.hidden = false;
  document.querySelector("[data-by-hand]").open = false;
  const failed = document.querySelector("[data-wallet-error]");
  sign.addEventListener("click", async () => {
    failed.hidden = true;
    try {
      await wallet.request({ method: "eth_requestAccounts" });
      const text = document.querySelector("[data-document]").textContent;
      const signature = await wallet.request({ method: "eth_signTypedData_v4", params: [sign.dataset.address, text] });
      document.getElementById("signature").value = signature;
      sign.form.requestSubmit();
    } catch {
      failed.hidden = false;
    }
  });
}
