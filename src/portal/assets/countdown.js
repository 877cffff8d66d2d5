// Optional: keeps the times on the page true, and lets a form go out once. The page works without it.
(function () {
  "use strict";
  var start = Date.now();
  var times = document.querySelectorAll("time[data-left]");
  var said = document.getElementById("said");
  var format = window.Intl && Intl.RelativeTimeFormat &&
    new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });

  function show(time, left) {
    var unit = left < 90 ? ["second", 1] : left < 5400 ? ["minute", 60] : left < 129600 ? ["hour", 3600] : ["day", 86400];
    var text = left > 0 ? format.format(Math.ceil(left / unit[1]), unit[0]) : time.getAttribute("data-now");
    if (time.textContent !== text) time.textContent = text;
  }

  function tick() {
    var passed = Math.floor((Date.now() - start) / 1000);
    for (var i = 0; i < times.length; i++) {
      var left = times[i].getAttribute("data-left") - passed;
      show(times[i], left);
      // A screen reader hears of it once, when there is something to do.
      if (left <= 0 && said && times[i].hasAttribute("data-say")) {
        said.textContent = times[i].getAttribute("data-say");
        times[i].removeAttribute("data-say");
      }
    }
  }

  if (format && times.length) {
    tick();
    setInterval(tick, 1000);
  }

  var going = false;
  document.addEventListener("submit", function (event) {
    if (going) event.preventDefault();
    going = true;
    setTimeout(function () { going = false; }, 5000);
  });
  window.addEventListener("pageshow", function () { going = false; });
})();
