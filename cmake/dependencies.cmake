# Every dependency is a Debian package; `dev` lists and installs them.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(SQLite3 3.40 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_path(CARES_INCLUDE_DIR ares.h REQUIRED)
find_library(CARES_LIBRARY cares REQUIRED)
find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp REQUIRED)
find_package(CLI11 REQUIRED)
if(TROUPE_TESTS)
  find_package(GTest REQUIRED)
endif()

# CAF 0.17 ships neither a CMake configuration nor a pkg-config file.
find_path(CAF_INCLUDE_DIR caf/all.hpp REQUIRED)
foreach(part core io openssl)
  string(TOUPPER ${part} PART)
  find_library(CAF_${PART}_LIBRARY caf_${part} REQUIRED)
  add_library(caf_${part} SHARED IMPORTED)
  set_target_properties(caf_${part} PROPERTIES
    IMPORTED_LOCATION ${CAF_${PART}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR}
    INTERFACE_COMPILE_DEFINITIONS CAF_ENABLE_TYPE_ID_CHECKS)
endforeach()

# libpqxx 6 ships a pkg-config file only, which would name libpq's headers too.
find_path(PQXX_INCLUDE_DIR pqxx/pqxx REQUIRED)
find_library(PQXX_LIBRARY pqxx REQUIRED)
add_library(pqxx SHARED IMPORTED)
set_target_properties(pqxx PROPERTIES
  IMPORTED_LOCATION ${PQXX_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${PQXX_INCLUDE_DIR})

# Asio and Beast compile once, in gateway/asio.cpp and gateway/beast.cpp, instead of
# in every file that includes them.
add_library(troupe_beast INTERFACE)
target_link_libraries(troupe_beast INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(troupe_beast INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
