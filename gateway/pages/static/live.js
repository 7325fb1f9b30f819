/* Puts the fragments that the gateway sends into the page. Without it the page renews itself. */
(function () {
  "use strict";

  var EVENT_STREAM_CLOSED = 2;
  var MISSED_TICKS = 4; /* one late tick is a busy gateway, four are a lost line */
  var RELOAD_AFTER_MS = 15000;

  var body = document.body;
  var lost = document.getElementById("lost");
  var notice = document.getElementById("notice");
  var source = null;
  var heardAt = Date.now();
  var failures = 0;
  var silenceMs = RELOAD_AFTER_MS;
  var reloading = false;

  function show(element, text) {
    if (element.textContent !== text) { element.textContent = text; }
    element.hidden = text === "";
  }

  function place(name, html) {
    var target = document.querySelector('[data-live="' + name + '"]');
    if (target) { target.innerHTML = html; }
  }

  function apply(message) {
    var change = JSON.parse(message.data);
    heardAt = Date.now();
    failures = 0;
    silenceMs = change.next_s * 1000 * MISSED_TICKS;
    if (change.page !== body.dataset.page) { reload(); return; }
    Object.keys(change.html).forEach(function (name) { place(name, change.html[name]); });
    show(notice, change.notice);
    setLost(false);
  }

  function setLost(isLost) {
    lost.hidden = !isLost;
    body.classList.toggle("old", isLost);
  }

  /* Only when the gateway answers: a wall screen must never end on the browser's own error page. */
  function reload() {
    if (reloading) { return; }
    reloading = true;
    fetch(location.href, { method: "HEAD", cache: "no-store" }).then(function (answer) {
      if (answer.ok) { location.reload(); }
    }).catch(function () { setLost(true); }).then(function () {
      setTimeout(function () { reloading = false; }, RELOAD_AFTER_MS);
    });
  }

  /* A stream may end and begin again unnoticed; when it cannot begin again, the gateway is away. */
  function fail() {
    failures += 1;
    if (failures > 1) { setLost(true); }
  }

  function listen() {
    if (source) { source.close(); }
    source = new EventSource(body.dataset.events);
    source.addEventListener("change", apply);
    source.addEventListener("error", fail);
  }

  function watch() {
    if (document.hidden) { return; }
    if (Date.now() - heardAt > silenceMs) { setLost(true); }
    if (source && source.readyState === EVENT_STREAM_CLOSED) { reload(); }
  }

  /* A browser opens six connections to one gateway at most: hidden tabs leave theirs to the others. */
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) {
      source.close();
      source = null;
    } else {
      heardAt = Date.now();
      listen();
    }
  });

  listen();
  setInterval(watch, 1000);
}());
