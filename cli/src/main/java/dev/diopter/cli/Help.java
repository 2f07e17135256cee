package dev.diopter.cli;

/** Words that several help pages share. */
final class Help {
  /** What may stand for a model. */
  static final String MODEL =
      "A model folder, an id in the local Hugging Face cache, demo-gpt2 or demo-llama.";

  private Help() {}
}
