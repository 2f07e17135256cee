package dev.diopter.lens.attention;

/** Something that answers a prompt with text. */
@FunctionalInterface
public interface LanguageModel {
  /**
   * The answer to one prompt.
   *
   * @throws EndpointException where there is none to be had
   */
  String complete(String prompt);
}
