// Generate images with the AI SDK and print them in base64, or the error. The argument is a JSON object.
import { createOpenAI } from "@ai-sdk/openai";
import { generateImage } from "ai";

const { baseURL, apiKey, model, ...call } = JSON.parse(process.argv[2]);
const openai = createOpenAI({ baseURL, apiKey });
try {
  const { images, providerMetadata } = await generateImage({ model: openai.image(model), maxRetries: 0, ...call });
  const described = images.map((image) => ({ base64: image.base64, mediaType: image.mediaType }));
  console.log(JSON.stringify({ images: described, metadata: providerMetadata.openai.images }));
} catch (error) {
  console.log(JSON.stringify({ error: error.name, status: error.statusCode, message: error.message }));
}
