/* Offers the browser's own printing where a page has a place for it; without a script its menu has it. */
(function () {
  "use strict";

  var button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", function () { window.print(); });
}());
