// Says so when the device is offline: what is on the page stays readable, but is no longer the latest.
const notice = document.querySelector("[data-offline]");
const show = () => {
  notice.hidden = navigator.onLine;
};
if (notice) {
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
}
