# Every dependency is a Debian package; `dev` lists and installs them. Of some it takes
# the headers alone and unpacks them here, so that what their packages depend on stays
# away. Headers on the system go before these.
set(unpacked ${CMAKE_SOURCE_DIR}/build/tools/usr/include)
if(EXISTS ${unpacked})
  add_compile_options(-idirafter ${unpacked})
endif()

# troupe_import(<target> HEADER <header> LIBRARY <name> [RUNTIME <file>] [DEFINITIONS <definition>…])
# A shared library with neither a CMake configuration, nor, where RUNTIME is given, the
# need of one: that file comes with the library, the link that linkers look for with the
# development package.
function(troupe_import target)
  cmake_parse_arguments(arg "" "HEADER;LIBRARY;RUNTIME" "DEFINITIONS" ${ARGN})
  string(MAKE_C_IDENTIFIER ${arg_LIBRARY} prefix)
  string(TOUPPER ${prefix} prefix)
  find_path(${prefix}_INCLUDE_DIR ${arg_HEADER} PATHS ${unpacked} REQUIRED)
  find_library(${prefix}_LIBRARY NAMES ${arg_LIBRARY} ${arg_RUNTIME} REQUIRED)
  add_library(${target} SHARED IMPORTED)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${prefix}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${${prefix}_INCLUDE_DIR}
    INTERFACE_COMPILE_DEFINITIONS "${arg_DEFINITIONS}")
endfunction()

# troupe_headers(<target> <header>): a library that is nothing but headers.
function(troupe_headers target header)
  string(MAKE_C_IDENTIFIER ${target} prefix)
  string(TOUPPER ${prefix} prefix)
  find_path(${prefix}_INCLUDE_DIR ${header} PATHS ${unpacked} REQUIRED)
  add_library(${target} INTERFACE IMPORTED)
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${${prefix}_INCLUDE_DIR})
endfunction()

find_package(Threads REQUIRED)
find_path(Boost_INCLUDE_DIR boost/version.hpp PATHS ${unpacked})
find_package(Boost 1.81 REQUIRED)
troupe_headers(nlohmann_json::nlohmann_json nlohmann/json.hpp)
troupe_headers(CLI11::CLI11 CLI/CLI.hpp)
find_path(CARES_INCLUDE_DIR ares.h REQUIRED)
find_library(CARES_LIBRARY cares REQUIRED)
find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp PATHS ${unpacked} REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h PATHS ${unpacked} REQUIRED)
if(TROUPE_TESTS)
  find_package(GTest REQUIRED)
endif()

find_path(SQLite3_INCLUDE_DIR sqlite3.h PATHS ${unpacked})
find_library(SQLite3_LIBRARY NAMES sqlite3 libsqlite3.so.0)
find_package(SQLite3 3.40 REQUIRED)
find_path(OPENSSL_INCLUDE_DIR openssl/ssl.h PATHS ${unpacked})
find_library(OPENSSL_CRYPTO_LIBRARY NAMES crypto libcrypto.so.3)
find_library(OPENSSL_SSL_LIBRARY NAMES ssl libssl.so.3)
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto SSL)

# CAF 0.17 and libpqxx 6 ship no CMake configuration; the others' want all that their
# development packages depend on.
foreach(part core io openssl)
  troupe_import(caf_${part} HEADER caf/all.hpp LIBRARY caf_${part} DEFINITIONS CAF_ENABLE_TYPE_ID_CHECKS)
endforeach()
troupe_import(pqxx HEADER pqxx/pqxx LIBRARY pqxx RUNTIME libpqxx-6.4.so)
troupe_import(pq HEADER postgresql/libpq-fe.h LIBRARY pq RUNTIME libpq.so.5)
troupe_import(prometheus HEADER prometheus/registry.h LIBRARY prometheus-cpp-core RUNTIME libprometheus-cpp-core.so.1.0)
troupe_import(fmt HEADER fmt/format.h LIBRARY fmt RUNTIME libfmt.so.9 DEFINITIONS FMT_SHARED)
troupe_import(spdlog HEADER spdlog/spdlog.h LIBRARY spdlog RUNTIME libspdlog.so.1.10
  DEFINITIONS SPDLOG_SHARED_LIB SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
target_link_libraries(spdlog INTERFACE fmt)

# Asio and Beast compile once, in gateway/asio/, instead of
# in every file that includes them.
add_library(troupe_beast INTERFACE)
target_link_libraries(troupe_beast INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(troupe_beast INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
