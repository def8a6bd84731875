// train LOG

extern "C" int Train(const char* log_path);

int main(int, char** argv) { return Train(argv[1]); }
