// A personal link carries its code behind the #, which browsers send to no server: it is typed into the form here.
const field = document.querySelector("input[name=code]");
const code = decodeURIComponent(location.hash.slice(1));
if (field && code) {
  history.replaceState(null, "", location.pathname + location.search);
  field.value = code;
  field.form.submit();
}
