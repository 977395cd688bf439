for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const output = form.querySelector("output");
    const textarea = form.querySelector("textarea");
    output.innerHTML = "";
    const pre = output.appendChild(document.createElement("pre"));
    pre.textContent = "...";
    const headers = { "content-type": "application/json" };
    const options = textarea ? { method: form.dataset.method, body: textarea.value, headers } : {};
    try {
      const start = performance.now();
      const response = await fetch(form.dataset.path, options);
      let text = await response.text();
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { }
      const milliseconds = Math.round(performance.now() - start);
      pre.textContent = `${response.status} ${response.statusText} (${milliseconds} ms)\n${text}`;
    } catch (error) {
      pre.textContent = `no response: ${error.message}`;
    }
  });
}
