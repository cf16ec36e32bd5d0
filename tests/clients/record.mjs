// The logical jobs, in the words of the official clients on npm. record.py starts this beside its
// recording server, with one argument, JSON: {client, base, prompts, pictures}. After each job a POST
// to /kinora/job tells the server which job the requests before it belong to.

import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

// The clients are installed under target/, not beside this file.
const load = createRequire(`${process.cwd()}/target/clients/npm/`);
const { client, base, prompts, pictures } = JSON.parse(process.argv[2]);
const [mug, table] = pictures;

async function file(picture) {
  return new File([await readFile(picture.path)], basename(picture.path), { type: picture.mime });
}

function runway() {
  const { default: RunwayML } = load("@runwayml/sdk");
  const sdk = new RunwayML({ baseURL: base, apiKey: "key_test", maxRetries: 0 });
  const gen = { model: "gen4.5", duration: 5, ratio: "1280:720", seed: 7 };
  const veo = { model: "veo3.1_fast", duration: 8, ratio: "1280:720", audio: false };
  const mini = { model: "seedance2_mini", duration: 5, ratio: "1280:720" };
  const known = { model: gen.model, seed: 7 };
  const image = (rest) => sdk.imageToVideo.create(rest);
  const both = pictures.map((picture) => ({ uri: picture.url }));
  const pair = [{ ...both[0], position: "first" }, { ...both[1], position: "last" }];
  return [
    ["text", "none", known, () => sdk.textToVideo.create({ ...gen, promptText: prompts.text })],
    ["image", "url", known, () => image({ ...gen, promptImage: mug.url, promptText: prompts.image })],
    ["image", "data", known, () => image({ ...gen, promptImage: mug.data_uri, promptText: prompts.image })],
    ["image", "upload", known, async () => {
      const { uri } = await sdk.uploads.createEphemeral({ file: await file(mug) });
      return image({ ...gen, promptImage: uri, promptText: prompts.image });
    }],
    ["frames", "url", { model: veo.model, seconds: 8, sound: false }, () =>
      image({ ...veo, promptImage: pair, promptText: prompts.frames })],
    ["references", "url", { model: mini.model }, () =>
      image({ ...mini, promptImage: both, promptText: prompts.references("{name}") })],
  ];
}

function replicate() {
  const Replicate = load("replicate");
  const sdk = new Replicate({ auth: "r8_test", baseUrl: `${base}/v1` });
  const rest = { duration: 5, resolution: "720p", aspect_ratio: "16:9", seed: 7 };
  const one = "bytedance/seedance-1-pro";
  const two = "bytedance/seedance-2.0";
  const make = (model, input) => sdk.predictions.create({ model, input: { ...input, ...rest } });
  return [
    ["text", "none", { model: one, seed: 7 }, () => make(one, { prompt: prompts.text })],
    ["image", "url", { model: one, seed: 7 }, () => make(one, { prompt: prompts.image, image: mug.url })],
    ["image", "data", { model: one, seed: 7 }, () => make(one, { prompt: prompts.image, image: mug.data_uri })],
    ["image", "upload", { model: one, seed: 7 }, async () => {
      const uploaded = await sdk.files.create(await file(mug));
      return make(one, { prompt: prompts.image, image: uploaded.urls.get });
    }],
    ["frames", "url", { model: one, seed: 7 }, () =>
      make(one, { prompt: prompts.frames, image: mug.url, last_frame_image: table.url })],
    ["references", "url", { model: two, seed: 7 }, () =>
      make(two, { prompt: prompts.references("[Image{n}]"), reference_images: [mug.url, table.url] })],
  ];
}

function fal() {
  const { createFalClient } = load("@fal-ai/client");
  // The client has no base URL of its own; its middleware sends what is meant for fal's hosts here.
  const here = (url) => url.replace(/^https:\/\/[a-z.]+\.fal\.(run|ai)/, base);
  const sdk = createFalClient({
    credentials: "kid:ksecret",
    requestMiddleware: async (request) => ({ ...request, url: here(request.url) }),
  });
  const rest = { duration: "5", resolution: "720p", aspect_ratio: "16:9", generate_audio: false, seed: 7 };
  const model = (endpoint) => `bytedance/seedance-2.0/${endpoint}`;
  const make = (endpoint, input) => sdk.queue.submit(model(endpoint), { input: { ...input, ...rest } });
  const known = (endpoint) => ({ model: model(endpoint), seed: 7, sound: false });
  const image = (uri) => make("image-to-video", { prompt: prompts.image, image_url: uri });
  const uris = pictures.map((picture) => picture.url);
  return [
    ["text", "none", known("text-to-video"), () => make("text-to-video", { prompt: prompts.text })],
    ["image", "url", known("image-to-video"), () => image(mug.url)],
    ["image", "data", known("image-to-video"), () => image(mug.data_uri)],
    ["image", "upload", known("image-to-video"), async () => image(await sdk.storage.upload(await file(mug)))],
    ["frames", "url", known("image-to-video"), () =>
      make("image-to-video", { prompt: prompts.frames, image_url: uris[0], end_image_url: uris[1] })],
    ["references", "url", known("reference-to-video"), () =>
      make("reference-to-video", { prompt: prompts.references("@Image{n}"), image_urls: uris })],
  ];
}

const mentioned = prompts.references;
prompts.references = (token) =>
  pictures.reduce(
    (text, { name }, at) => text.replace(`@${name}`, token.replace("{n}", at + 1).replace("{name}", name)),
    mentioned,
  );

for (const [route, transport, known, submit] of { runway, replicate, fal }[client]()) {
  await submit();
  await fetch(`${base}/kinora/job`, { method: "POST", body: JSON.stringify({ route, transport, ...known }) });
}
