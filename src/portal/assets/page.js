// Optional: keeps the times on the page true, tells what became of the message, leads back to a form as it was left, and
// lets a form go out once. The page works without it.
(function () {
  "use strict";
  var said = document.getElementById("said");
  var format = window.Intl && Intl.RelativeTimeFormat &&
    new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });

  function show(time, left) {
    var unit = left < 90 ? ["second", 1] : left < 5400 ? ["minute", 60] : left < 129600 ? ["hour", 3600] : ["day", 86400];
    var text = left > 0 ? format.format(Math.ceil(left / unit[1]), unit[0]) : time.getAttribute("data-now");
    if (time.textContent !== text) time.textContent = text;
  }

  function tick() {
    var times = document.querySelectorAll("time[data-left]"), now = Date.now();
    for (var i = 0; i < times.length; i++) {
      if (!times[i].end) times[i].end = now + times[i].getAttribute("data-left") * 1000;
      var left = Math.ceil((times[i].end - now) / 1000);
      show(times[i], left);
      // A screen reader hears of it once, when there is something to do.
      if (left <= 0 && said && times[i].hasAttribute("data-say")) {
        said.textContent = times[i].getAttribute("data-say");
        times[i].removeAttribute("data-say");
      }
    }
  }

  if (format) {
    tick();
    setInterval(tick, 1000);
  }

  // What became of the message: asked for while somebody looks, ever more rarely. What is typed stays, and so does the
  // focus.
  var news = document.querySelector("[data-follow]"), link = document.querySelector("#look a");
  var pause = 3000, timer;

  function later() {
    clearTimeout(timer);
    timer = setTimeout(look, pause);
    pause = Math.min(pause * 1.2, 30000);
  }

  function ask(address, read) {
    return fetch(address, { credentials: "same-origin" }).then(function (answer) {
      if (answer.ok) return answer[read]();
      if (answer.status === 429 || answer.status >= 500) later();
      return null;
    });
  }

  function look() {
    if (document.hidden) return;
    ask(news.getAttribute("data-follow"), "json").then(function (told) {
      if (!told || told.state !== "sent" || !told.delivery) return;
      var state = told.delivery.state;
      if (state !== "delivered" && state !== "failed") return later();
      news.removeAttribute("data-follow");
      return ask(link.href, "text").then(renew);
    }).catch(later);
  }

  function renew(page) {
    var fresh = page && new DOMParser().parseFromString(page, "text/html");
    if (!fresh || !fresh.getElementById("sent")) return;
    var parts = document.querySelectorAll("[data-live]");
    for (var i = 0; i < parts.length; i++) {
      var part = fresh.getElementById(parts[i].id);
      var text = part ? part.innerHTML : "";
      if (!parts[i].contains(document.activeElement) && parts[i].innerHTML !== text) parts[i].innerHTML = text;
    }
    document.title = fresh.title;
  }

  if (news && link && window.fetch && window.DOMParser) {
    later();
    document.addEventListener("visibilitychange", function () {
      if (!document.hidden && news.hasAttribute("data-follow")) later();
    });
  }

  // Back to the form with what was typed in it, where the browser can say which page that was; else the link opens it anew.
  document.addEventListener("click", function (event) {
    var back = event.target.closest && event.target.closest("a[data-back]");
    if (!back || !window.navigation || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    var pages = navigation.entries();
    for (var i = navigation.currentEntry.index - 1; i >= 0; i--) {
      if (pages[i].url && pages[i].url.split("#")[0] === back.href) {
        event.preventDefault();
        navigation.traverseTo(pages[i].key);
        return;
      }
    }
  });

  var going = false;
  document.addEventListener("submit", function (event) {
    if (going) event.preventDefault();
    going = true;
    setTimeout(function () { going = false; }, 5000);
  });
  window.addEventListener("pageshow", function () { going = false; });
})();
