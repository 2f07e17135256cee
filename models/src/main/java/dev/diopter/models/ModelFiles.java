package dev.diopter.models;

import dev.diopter.formats.FormatException;
import dev.diopter.formats.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The files of one model by name, wherever they lie. Names are plain: no folders in them. */
interface ModelFiles {
  /** A file's place for messages. */
  String describe(String name);

  /** Whether there is such a file. */
  boolean exists(String name);

  /** Opens a file that exists. */
  InputStream open(String name) throws IOException;

  /** Opens a Safetensors file that exists. */
  SafetensorsFile openTensors(String name);

  /** Where the folder lies, or null for one inside of a jar. */
  @Nullable Path folder();

  /** The files of a folder. Links are followed: the Hugging Face cache consists of them. */
  static ModelFiles of(Path folder) {
    return new ModelFiles() {
      @Override
      public String describe(String name) {
        return folder.resolve(name).toString();
      }

      @Override
      public boolean exists(String name) {
        return Files.isRegularFile(folder.resolve(name));
      }

      @Override
      public InputStream open(String name) throws IOException {
        return Files.newInputStream(folder.resolve(name));
      }

      @Override
      public SafetensorsFile openTensors(String name) {
        return SafetensorsFile.open(folder.resolve(name));
      }

      @Override
      public Path folder() {
        return folder;
      }
    };
  }

  /** The files of a bundled model, read into memory when opened. */
  static ModelFiles ofResources(String model) {
    return new ModelFiles() {
      private String path(String name) {
        return "bundled/" + model + "/" + name;
      }

      @Override
      public String describe(String name) {
        return model + "/" + name;
      }

      @Override
      public boolean exists(String name) {
        return ModelFiles.class.getResource(path(name)) != null;
      }

      @Override
      public InputStream open(String name) throws IOException {
        InputStream in = ModelFiles.class.getResourceAsStream(path(name));
        if (in == null) {
          throw new IOException("no resource " + path(name));
        }
        return in;
      }

      @Override
      public SafetensorsFile openTensors(String name) {
        try (InputStream in = open(name)) {
          return SafetensorsFile.read(describe(name), in);
        } catch (IOException e) {
          throw FormatException.unreadable(describe(name), e);
        }
      }

      @Override
      public @Nullable Path folder() {
        return null;
      }
    };
  }
}
