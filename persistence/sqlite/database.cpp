#include "persistence/sqlite/database.hpp"

#include "persistence/sqlite/migrations.hpp"
#include "persistence/sqlite/names.hpp"
#include "persistence/sqlite/private_files.hpp"
#include "persistence/sqlite/reader.hpp"
#include "persistence/sqlite/statement.hpp"
#include "persistence/sqlite/trouble.hpp"
#include "persistence/sqlite/writer.hpp"

#include <optional>
#include <system_error>
#include <utility>

namespace troupe {
namespace {

std::filesystem::path lock_path(std::filesystem::path file) {
  return file += ".lock";
}

store_error cannot_open(const std::filesystem::path& file, const std::string& why) {
  return {errc::unavailable, "The database " + file.string() + " cannot be opened: " + why + "."};
}

/// Runs `open`, giving what it throws as a sentence about `file`.
template <class T, class Open>
store_result<T> guarded(const std::filesystem::path& file, Open open) {
  try {
    return open();
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::resource_unavailable_try_again)
      return store_error{errc::unavailable, "The database " + file.string()
                                              + " is in use by another Troupe process. Stop that one, or name "
                                                "another file."};
    return cannot_open(file, e.what());
  } catch (const sqlite_failure& e) {
    return cannot_open(file, words_for(e, file));
  } catch (const std::exception& e) {
    return cannot_open(file, e.what());
  }
}

/// `file`, once nobody else can read it.
const std::filesystem::path& made_private(const std::filesystem::path& file, bool is_new) {
  if (is_new)
    make_private(file);
  else
    make_private_again(file);
  return file;
}

class sqlite_database final : public database {
public:
  sqlite_database(std::shared_ptr<sqlite_file> file, bool is_new) : file_{std::move(file)}, is_new_{is_new} {}

  store_result<std::unique_ptr<store_writer>> open_writer() override {
    if (file_->has_writer.exchange(true))
      return store_error{errc::unavailable, "The database " + file_->path.string() + " has its one writer already."};
    auto writer = guarded<std::unique_ptr<store_writer>>(
      file_->path, [&]() -> store_result<std::unique_ptr<store_writer>> { return make_sqlite_writer(file_); });
    if (std::holds_alternative<store_error>(writer))
      file_->has_writer = false;
    return writer;
  }

  store_result<std::unique_ptr<store_reader>> open_reader() override {
    return guarded<std::unique_ptr<store_reader>>(
      file_->path, [&]() -> store_result<std::unique_ptr<store_reader>> { return make_sqlite_reader(file_); });
  }

  [[nodiscard]] database_info info() const override { return {false, id_, is_new_}; }
  [[nodiscard]] bool available() const noexcept override { return !file_->trouble.is_on(); }
  [[nodiscard]] store_state state() const override {
    std::error_code unknown;
    const auto volume = std::filesystem::space(file_->path.parent_path(), unknown);
    return {available(), file_->trouble.counts(), unknown ? std::nullopt : std::optional{volume.available},
            std::nullopt};
  }
  void give_up() noexcept override { file_->given_up = true; }

private:
  std::shared_ptr<sqlite_file> file_;
  uuid id_ = make_uuid();
  bool is_new_;
};

} // namespace

sqlite_file::sqlite_file(const std::filesystem::path& file)
  : lock{file}, path{std::filesystem::canonical(file)}, name_lock{lock_path(path)},
    writing{made_private(path, lock.created_file()), sqlite_connection::role::writer} {}

store_result<opened_sqlite> open_sqlite(const std::filesystem::path& file) {
  return guarded<opened_sqlite>(file, [&]() -> store_result<opened_sqlite> {
    // An absolute path is never taken for an option or a `file:` address.
    const auto path = std::filesystem::absolute(file);
    make_private_folders(path.parent_path());
    auto opened = std::make_shared<sqlite_file>(path);
    if (auto refusal = check_name(*opened))
      return std::move(*refusal);
    auto migration = migrate_sqlite(opened->writing, path);
    if (auto* error = std::get_if<store_error>(&migration))
      return std::move(*error);
    note_name(*opened);
    const auto& report = std::get<migration_report>(migration);
    return opened_sqlite{std::make_shared<sqlite_database>(std::move(opened), report.from == 0), report};
  });
}

} // namespace troupe
