// A drop zone that streams one file to the server, with progress and a way out.

const FORMATS = "TIFF, MRC, HDF5, Zeiss .txm, zipped OME-Zarr, Amira, NIfTI, NRRD, NumPy or EM";

export default function mount({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".upload");
  const find = (selector) => root.querySelector(selector);
  const [zone, input, busy, problem] = [find(".zone"), find("input"), find(".busy"), find(".problem")];
  const listening = new AbortController();
  let request = null;

  find(".formats").textContent = `${FORMATS}, up to ${formatBytes(data.limit)}`;

  const show = (element, text) => {
    element.textContent = text;
    element.hidden = !text;
  };
  const idle = (message = "") => {
    request = null;
    input.value = "";
    busy.hidden = true;
    zone.hidden = false;
    show(problem, message);
  };

  function send(file) {
    if (!file || request) return;
    if (file.size > data.limit) return idle(`${file.name} has ${formatBytes(file.size)}; ${formatBytes(data.limit)} are allowed.`);
    show(problem, "");
    zone.hidden = true;
    busy.hidden = false;
    find(".name").textContent = file.name;
    find("progress").value = 0;
    find(".state").textContent = "Starting …";
    const started = performance.now();
    request = new XMLHttpRequest();
    request.open("PUT", `api/tomograms?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = ({ loaded, total }) => {
      find("progress").value = loaded / total;
      find(".state").textContent = loaded < total
        ? `${formatBytes(loaded)} of ${formatBytes(total)}${remaining(loaded, total, started)}`
        : "Reading the file …";
    };
    request.onload = ({ target }) => {
      if (target.status !== 201) return idle(target.responseText || `The server answered ${target.status}.`);
      idle();
      setTriggerValue("opened", JSON.parse(target.responseText).id);
    };
    request.onerror = () => idle("The connection to the server was lost. Try again.");
    request.onabort = () => idle();
    request.send(file);
  }

  const options = { signal: listening.signal };
  input.addEventListener("change", () => send(input.files[0]), options);
  find(".cancel").addEventListener("click", () => request?.abort(), options);
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    }, options);
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"), options);
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    send(event.dataTransfer.files[0]);
  }, options);

  // Streamlit mounts again on each new data and cleans up once, at the end. A file may have been
  // chosen before this script arrived.
  const first = !parentElement.listening;
  parentElement.listening?.abort();
  parentElement.listening = listening;
  if (first) send(input.files[0]);
  return () => {
    listening.abort();
    request?.abort();
  };
}

function remaining(loaded, total, started) {
  const seconds = ((performance.now() - started) / 1000) * (total / loaded - 1);
  return seconds < 2 ? "" : ` · ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`} left`;
}

function formatBytes(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${+(bytes / 1000 ** power).toPrecision(3)} ${units[power]}`;
}
