/* Renews a page that says how often (data-refresh, seconds): only its <main>, and not while somebody types or a control has focus.
   A page that names another one to follow it (data-next) becomes that one. */
(function () {
  "use strict";

  var body = document.body;
  var seconds = Number(body.dataset.refresh);
  var over = false;
  var lost = document.getElementById("lost");

  function openDetails(root) {
    return Array.prototype.map.call(root.querySelectorAll("details"), function (each) { return each.open; });
  }

  function put(text) {
    var page = new DOMParser().parseFromString(text, "text/html");
    var fresh = page.querySelector("main");
    if (page.body.dataset.next) { body.dataset.next = page.body.dataset.next; }
    over = !page.body.dataset.refresh; /* what the page waited for is over */
    renewTime(page);
    var main = document.querySelector("main");
    if (!fresh || fresh.innerHTML === main.innerHTML) { return; }
    var open = openDetails(main);
    main.innerHTML = fresh.innerHTML;
    main.querySelectorAll("details").forEach(function (each, index) { each.open = open[index] === true; });
  }

  function renewTime(page) {
    var fresh = page.querySelector(".instant");
    var instant = document.querySelector(".instant");
    if (fresh && instant) { instant.textContent = fresh.textContent; }
  }

  function busy() {
    var active = document.activeElement;
    return over || document.hidden || (active && active.closest("main") && active !== document.querySelector("main"));
  }

  function renew() {
    if (busy()) { return; }
    fetch(body.dataset.next || location.href, { cache: "no-store", credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok || answer.redirected) { throw new Error("not renewed"); }
      return answer.text();
    }).then(function (text) {
      put(text);
      lost.hidden = true;
      body.classList.remove("old");
    }).catch(function () {
      lost.hidden = false;
      body.classList.add("old");
    });
  }

  if (seconds > 0) { setInterval(renew, seconds * 1000); }
}());
