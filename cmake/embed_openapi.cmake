# Writes a source file that defines `troupe::openapi_json` from the JSON file INPUT.
file(READ ${INPUT} text)
# A string literal has a bounded length, adjacent ones are joined by the compiler.
# CMake counts bytes: cutting at a line's end leaves every UTF-8 sequence whole. What
# is in the text is never seen as a list, for it is always quoted.
set(literals "")
string(LENGTH "${text}" length)
while(length GREATER 0)
  set(size ${length})
  if(size GREATER 8000)
    string(SUBSTRING "${text}" 0 8000 part)
    string(FIND "${part}" "\n" size REVERSE)
    math(EXPR size "${size} + 1")
    if(size EQUAL 0)
      message(FATAL_ERROR "${INPUT} has a line of more than 8000 bytes")
    endif()
  endif()
  string(SUBSTRING "${text}" 0 ${size} part)
  string(SUBSTRING "${text}" ${size} -1 text)
  string(APPEND literals "R\"openapi(${part})openapi\"\n")
  string(LENGTH "${text}" length)
endwhile()
file(WRITE ${OUTPUT}
  "#include \"gateway/api/openapi.hpp\"\nnamespace troupe {\nconst std::string_view openapi_json =\n${literals};\n}\n")
